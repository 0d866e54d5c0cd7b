#!/usr/bin/env node
/**
 * Whether deploy/ is right, by the real tools:
 *
 *   chart       helm lint --strict and helm template, with the defaults and with every part on (ci/everything-values.yaml);
 *               kubectl-validate against the schemas of Kubernetes, KEDA and the Prometheus operator;
 *               the configuration it makes against `streaming-tda run --check`
 *   compose     docker compose config where it answers, else compose-go's own loader; its configuration as above; promtool
 *   Dockerfile  docker build --check, where an engine answers
 *
 *   node scripts/check-deploy.mjs            all of it; some seconds once the tools are there
 *   node scripts/check-deploy.mjs install    only fetches the tools (cold, several minutes of two cores: Kubernetes' libraries)
 *   node scripts/check-deploy.mjs --as-is    all of it with the tools that are there
 *
 * Tools come from the PATH, else by `go install` into .cache/deploy/ (once; `install` says how long it took). What cannot be
 * had is skipped, and said so: exit code 3 when anything was skipped and nothing failed, 1 when something failed.
 */
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { CannotHave } from './errors.mjs'
import { root } from './setup/shell.mjs'

const cache = join(root, '.cache', 'deploy')
const deploy = join(root, 'deploy')
const chart = join(deploy, 'helm', 'streaming-tda')
const KUBERNETES = '1.30'
const INSTALL_MS_MAX = 900_000

const TOOLS = {
  helm: 'helm.sh/helm/v3/cmd/helm@v3.18.4',
  'kubectl-validate': 'sigs.k8s.io/kubectl-validate@v0.0.4',
  compose: 'github.com/compose-spec/compose-go/v2/cmd@v2.6.4'
}
const CRDS = [
  ['github.com/kedacore/keda/v2@v2.17.2', 'config/crd/bases/keda.sh_scaledobjects.yaml'],
  [
    'github.com/prometheus-operator/prometheus-operator@v0.84.0',
    'example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml'
  ]
]

const [command] = process.argv.slice(2)
const asIs = command === '--as-is'

const count = { passed: 0, failed: 0, skipped: 0 }

/** Runs one check; `work` throws CannotHave for what is not there, and anything else for what is wrong. */
function check(name, work) {
  try {
    work()
    count.passed++
    console.log(`passed  ${name}`)
  } catch (error) {
    const skipped = error instanceof CannotHave
    count[skipped ? 'skipped' : 'failed']++
    console.log(`${skipped ? 'SKIPPED' : 'FAILED '} ${name}: ${error.message}`)
  }
}

function run(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    ...options
  })
  if (error?.code === 'ENOENT') throw new CannotHave(`${program} is not installed`)
  if (status !== 0) throw new Error(`${program} ${args[0]}: ${error?.message ?? (stderr + stdout).trim()}`)
  return stdout
}

const answers = (program, args) => spawnSync(program, args, { timeout: 20_000 }).status === 0

/** The path of a tool: on the PATH, in the cache, or compiled from its Go module now. */
function tool(name) {
  const known = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name))
  const cached = join(cache, 'bin', name)
  const found = [...(name === 'compose' ? [] : known), cached].find(existsSync)
  if (found !== undefined) return found
  const module = TOOLS[name]
  if (asIs)
    throw new CannotHave(`${name} is not there; compile it with: node scripts/check-deploy.mjs install`)
  const started = Date.now()
  const bin = join(cache, `install-${name}`)
  mkdirSync(join(cache, 'bin'), { recursive: true })
  go(['install', module], { GOBIN: bin })
  const [program] = [name, module.split('/').at(-1).split('@')[0]]
    .map((file) => join(bin, file))
    .filter(existsSync)
  renameSync(program, cached)
  rmSync(bin, { recursive: true })
  console.log(`compiled ${module} in ${Math.round((Date.now() - started) / 1000)} s`)
  return cached
}

function go(args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync('go', args, {
    cwd: tmpdir(),
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: INSTALL_MS_MAX
  })
  if (status === 0) return stdout
  const why =
    error?.code === 'ENOENT' ? 'Go is not installed' : (error?.message ?? stderr.trim().split('\n').at(-1))
  throw new CannotHave(`go ${args[0]} ${args.at(-1)}: ${why}`)
}

/** A folder with the definitions of resources that are not Kubernetes' own. */
function crds() {
  const folder = join(cache, 'crds')
  mkdirSync(folder, { recursive: true })
  for (const [module, path] of CRDS) {
    const file = join(folder, path.split('/').at(-1))
    if (existsSync(file)) continue
    if (asIs)
      throw new CannotHave(`${file} is not there; fetch it with: node scripts/check-deploy.mjs install`)
    const { Dir } = JSON.parse(go(['mod', 'download', '-json', module]))
    writeFileSync(file, readFileSync(join(Dir, path)))
  }
  return folder
}

/** A configuration against `run --check`, with stand-ins for what it reads from the environment and from files. */
function checkConfiguration(text, work) {
  const main = join(root, 'dist', 'lib', 'cli', 'main.js')
  if (!existsSync(main)) throw new CannotHave('dist/ is not built')
  const secret = join(work, 'secret')
  const file = join(work, 'tda.yaml')
  writeFileSync(secret, 'stand-in')
  writeFileSync(file, text.replace(/\$\{file:[^}]*\}/g, `\${file:${secret}}`))
  const names = [...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => [name, 'stand-in'])
  run(process.execPath, [main, 'run', '--config', file, '--check'], {
    env: { ...process.env, ...Object.fromEntries(names) }
  })
}

/** What stands under `tda.yaml: |` of a rendered ConfigMap. */
function configurationOf(configMap) {
  const lines = configMap.slice(configMap.indexOf('tda.yaml: |')).split('\n').slice(1)
  return lines.map((line) => line.slice(4)).join('\n')
}

function checkChart(work) {
  for (const [title, values] of [
    ['defaults', []],
    ['everything', ['--values', join(chart, 'ci', 'everything-values.yaml')]]
  ]) {
    const template = (...args) =>
      run(tool('helm'), ['template', 'sensors', chart, '--kube-version', KUBERNETES, ...values, ...args])
    check(`helm lint, ${title}`, () =>
      run(tool('helm'), ['lint', '--strict', '--kube-version', KUBERNETES, chart, ...values])
    )
    check(`kubectl-validate, ${title}`, () => {
      const manifest = join(work, `${title}.yaml`)
      writeFileSync(manifest, template())
      run(tool('kubectl-validate'), [manifest, '--version', KUBERNETES, '--local-crds', crds()])
    })
    check(`configuration of the chart, ${title}`, () =>
      checkConfiguration(configurationOf(template('--show-only', 'templates/configmap.yaml')), work)
    )
  }
  check('helm refuses a daemon whose probes nobody could reach', () => {
    const refused = spawnSync(
      tool('helm'),
      ['template', 'x', chart, '--kube-version', KUBERNETES, '--set', 'config.http.host=127.0.0.1'],
      {
        encoding: 'utf8'
      }
    )
    if (refused.status === 0 || !/http.*host/s.test(refused.stderr)) throw new Error('it was taken')
  })
}

function checkCompose(work) {
  const file = join(deploy, 'compose.yaml')
  check('compose file', () => {
    if (answers('docker', ['compose', 'version'])) run('docker', ['compose', '-f', file, 'config', '--quiet'])
    else run(tool('compose'), [file])
  })
  check('configuration of the compose file', () =>
    checkConfiguration(readFileSync(join(deploy, 'compose', 'tda.yaml'), 'utf8'), work)
  )
  check('Prometheus of the compose file', () => {
    const found = spawnSync(process.execPath, [join(root, 'scripts', 'prometheus.mjs'), 'tools'], {
      encoding: 'utf8'
    })
    if (found.status !== 0) throw new CannotHave(found.stderr.trim())
    copyFileSync(join(deploy, 'compose', 'prometheus.yml'), join(work, 'prometheus.yml'))
    copyFileSync(join(deploy, 'prometheus', 'rules.yaml'), join(work, 'rules.yaml'))
    run(JSON.parse(found.stdout).promtool, ['check', 'config', join(work, 'prometheus.yml')])
  })
}

function checkDockerfile() {
  check('Dockerfile', () => {
    if (!answers('docker', ['info'])) throw new CannotHave('no container engine answers')
    run('docker', ['build', '--check', '-f', join(deploy, 'Dockerfile'), root])
  })
}

if (command === 'install') {
  for (const name of Object.keys(TOOLS)) check(name, () => tool(name))
  check('definitions of KEDA and the Prometheus operator', () => crds())
} else if (command === undefined || asIs) {
  const work = mkdtempSync(join(tmpdir(), 'tda-deploy-'))
  try {
    checkChart(work)
    checkCompose(work)
    checkDockerfile()
  } finally {
    rmSync(work, { recursive: true })
  }
} else {
  console.error('usage: check-deploy.mjs [install | --as-is]')
  process.exit(2)
}
console.log(`deploy: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = count.failed > 0 ? 1 : count.skipped > 0 ? 3 : 0
