import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

/** The folder borders of ARCHITECTURE.md, as import rules. */
const border = (files, ignores, pattern, message) => ({
  files,
  ignores,
  rules: {
    '@typescript-eslint/no-restricted-imports': ['error', { patterns: [{ regex: pattern, message }] }]
  }
})

const CLIENTS = '^node-rdkafka|^@opentelemetry/(?!api$)'
const ASSEMBLY = '/(cli|pipeline)/'

const noEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Only lib/config and lib/cli read the environment.'
}
/** Loading an addon takes its file's name; which one may be named is a pattern of it. */
const noAddon = (name, message) => [
  { selector: `Literal[value=/${name}/]`, message },
  { selector: `TemplateElement[value.raw=/${name}/]`, message }
]
const noMainAddon = noAddon('streaming_tda\\.node', 'Only lib/native.ts loads the addon.')
const noKafkaAddon = noAddon('streaming_tda_kafka\\.node', 'Only lib/mesh/columnar-reader.ts loads it.')
const noAddons = [
  ...noMainAddon,
  ...noKafkaAddon,
  ...noAddon(
    '(?<!streaming_tda|streaming_tda_kafka)\\.node$',
    'lib/native.ts and lib/mesh/columnar-reader.ts load addons.'
  ),
  {
    selector: "MemberExpression[object.name='process'][property.name='dlopen']",
    message: 'lib/native.ts and lib/mesh/columnar-reader.ts load addons.'
  }
]
const ADDON = 'lib/native.ts'
const KAFKA_ADDON = 'lib/mesh/columnar-reader.ts'
const syntax = (files, ignores, rules) => ({
  files,
  ignores,
  rules: { 'no-restricted-syntax': ['error', ...houseStyle, ...rules] }
})
const houseStyle = [
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
  { selector: 'TSEnumDeclaration', message: 'A union of literals or a const object instead of an enum.' },
  { selector: 'PropertyDefinition[accessibility="private"]', message: '#private instead of private.' }
]

export default defineConfig(
  globalIgnores(['dist/', 'build/', 'coverage/', '.cache/']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-restricted-syntax': ['error', ...houseStyle],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // A method of an asynchronous interface that has nothing to wait for still rejects instead of throwing.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Prettier writes what this rule fears, and without semicolons it is right.
      'no-unexpected-multiline': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true }
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }]
    }
  },
  syntax(['lib/**/*.ts'], [ADDON, KAFKA_ADDON], [noEnvironment, ...noAddons]),
  syntax(['lib/{config,cli}/**/*.ts'], [], noAddons),
  syntax([ADDON], [], [noEnvironment, ...noKafkaAddon]),
  syntax([KAFKA_ADDON], [], [noEnvironment, ...noMainAddon]),
  {
    // The client's types claim that errors are never absent.
    files: ['lib/mesh/**/*.ts'],
    rules: { '@typescript-eslint/no-unnecessary-condition': 'off' }
  },
  border(
    ['lib/**/*.ts'],
    ['lib/mesh/**', 'lib/observability/tracing/**'],
    CLIENTS,
    'Only lib/mesh/ touches node-rdkafka, only lib/observability/tracing/ the OpenTelemetry SDK.'
  ),
  border(
    ['lib/{mesh,adapters,publishers,scales,state,observability,config,loadgen}/**/*.ts'],
    ['lib/mesh/**', 'lib/observability/tracing/**'],
    `${CLIENTS}|${ASSEMBLY}`,
    'The parts do not know the pipeline or the command line that assemble them, nor the clients of others.'
  ),
  border(
    ['lib/observability/tracing/**/*.ts'],
    [],
    `^node-rdkafka|${ASSEMBLY}`,
    'The parts do not know the pipeline or the command line that assemble them.'
  ),
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        Buffer: 'readonly',
        fetch: 'readonly',
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly'
      }
    }
  }
)
