import { defineConfig } from 'vitest/config'

// The whole suite runs on both kinds of memory: the one a store takes by itself, and the one that works everywhere.
const suite = {
  include: ['test/!(package)/**/*.test.ts', 'test/*.test.ts'],
  execArgv: ['--expose-gc'],
  // A loaded machine is slow. A hang ends with the whole run.
  testTimeout: 0,
  hookTimeout: 0,
}

export default defineConfig({
  // What is built from the sources below is no source.
  server: { watch: { ignored: ['**/dist/**', '**/build/**', '**/build-*/**'] } },
  test: {
    // By default one core is left for vitest itself, which does nothing while tests run.
    maxWorkers: '100%',
    // For `npm run dev`: tests load what is built from these, so that vitest does not see that they depend on them.
    forceRerunTriggers: ['**/native/!(test|bench)/**', '**/{include,lib,examples}/**', '**/CMakeLists.txt'],
    projects: [
      // Installs what would be published: `npm run test:package`, which builds that first.
      {
        test: {
          ...suite,
          name: 'package',
          include: ['test/package/*.test.ts'],
          globalSetup: 'test/package/global-setup.ts',
        },
      },
      // `npm run dev`, which says with what the addon is built.
      { test: { ...suite, name: 'dev', env: { PAGESTORE_MEMORY: '' }, globalSetup: 'scripts/dev-build.ts' } },
      { test: { ...suite, name: 'default', env: { PAGESTORE_MEMORY: '' } } },
      // The suites of tracees and of the explorer as in a container: `npm run test:long`, which says in which.
      {
        resolve: {
          alias: [
            { find: /^pagestore\/explore$/, replacement: `${import.meta.dirname}/test/support/contained-explore.ts` },
          ],
        },
        test: {
          ...suite,
          name: 'container',
          env: { PAGESTORE_MEMORY: '', NODE_OPTIONS: '--disable-warning=PAGESTORE_SYSTEM' },
          include: ['test/{tracee,explore}/*.test.ts'],
          exclude: ['test/explore/containers.test.ts'],
          setupFiles: 'test/support/contained-setup.ts',
        },
      },
      {
        test: {
          ...suite,
          name: 'memfd',
          env: { PAGESTORE_MEMORY: 'memfd' },
          // What does not depend on where pages are.
          exclude: [
            'test/cli/errors.test.ts',
            'test/{architecture,documents,readme}.test.ts',
            'test/{arguments,scripts}/**',
            'test/explore/!(elsewhere|properties).test.ts',
            'test/cli/check.test.ts',
            'test/tracee/!(rollback|choice-points|remapped).test.ts',
          ],
        },
      },
    ],
  },
})
