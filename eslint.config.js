/** Few rules, all fatal. Prettier decides how code looks; the folders' import rules are dependency-cruiser's. */
import tseslint from 'typescript-eslint';
import ownLines from './scripts/eslint-own-lines.js';

/** Where the clock, randomness, the environment and the console may be touched: the edges. */
const EDGES = [
  'bench/**',
  'cli/**',
  'connectors/runtime/clock.ts',
  'environments/**',
  'scripts/**',
  'stack/**',
  'test/**',
  'workers/**',
  // In the sandbox time is replay's: the same again.
  'workflows/lib/clock.ts',
];

const AMBIENT = 'comes in as an argument: only edges (workers, cli, stack, environments) touch it';

export default tseslint.config(
  {
    ignores: [
      '**/node_modules/**',
      '.ssmd/**',
      'bin/**',
      '**/*.mjs',
      '**/*.cjs',
      '**/*.js',
      '**/*.d.mts',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    plugins: { ssmd: { rules: { 'own-lines': ownLines } } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false } },
      ],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'typeLike', format: ['PascalCase'] },
        { selector: 'function', format: ['camelCase'] },
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: false },
        },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', { max: 400 }],
      'ssmd/own-lines': ['error', 70],
      'no-console': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: `the clock ${AMBIENT}` },
        { object: 'Math', property: 'random', message: `randomness ${AMBIENT}` },
        { object: 'process', property: 'env', message: `the environment ${AMBIENT}` },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: `the clock ${AMBIENT}`,
        },
      ],
    },
  },
  {
    files: EDGES,
    rules: {
      'no-console': 'off',
      'no-restricted-properties': 'off',
      'no-restricted-syntax': 'off',
    },
  },
  {
    files: ['test/**'],
    rules: {
      'max-lines': ['error', { max: 600 }],
      'ssmd/own-lines': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  {
    // What a factory of activities returns is its contract, taken with ReturnType.
    files: ['activities/**'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
  {
    files: ['workflows/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: 'activities/',
              allowTypeImports: true,
              message:
                'import activities as types: a value would drag Node into the workflow bundle',
            },
          ],
        },
      ],
    },
  },
);
