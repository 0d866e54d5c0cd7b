/** Tests are compiled by tsc to dist/test and run as ES modules: node --experimental-vm-modules, no transform. */
export default {
  roots: ['<rootDir>/dist/test'],
  testMatch: ['**/*.test.js'],
  testEnvironment: 'node',
  transform: {},
  injectGlobals: false,
  errorOnDeprecated: true,
  testTimeout: 120_000
}
