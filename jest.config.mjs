/**
 * Tests are compiled by tsc to dist/test and run as ES modules: node --experimental-vm-modules, no transform. The limit, of hooks
 * too, is for what hangs: a machine that is busy takes ten times as long. Longer ones are given where they are needed.
 */
export default {
  roots: ['<rootDir>/dist/test'],
  testMatch: ['**/*.test.js'],
  testEnvironment: 'node',
  transform: {},
  injectGlobals: false,
  errorOnDeprecated: true,
  testTimeout: 300_000
}
