/**
 * Who may import whom. The comment of a rule is what a developer reads when breaking it: what is
 * wrong, and what to do instead. `test/architecture/imports.test.ts` runs this and proves it bites.
 */

/** Pure cores from the inside out: each imports only those before it. */
const FEED = '^connectors/(?!runtime/|simulator/|import/|collector/)[^/]+/';
const CORES = [
  { name: 'schema', path: '^schema/' },
  { name: 'codec', path: '^codec/' },
  { name: 'books', path: '^books/' },
  { name: 'calendars', path: '^calendars/' },
  { name: 'secmaster', path: '^secmaster/' },
  // What a feed is, and its usual book: fold, feeds and datasets are written against it.
  { name: 'feed-contract', path: '^connectors/(feed|streamed-book)[.]ts$' },
  { name: 'fold', path: '^fold/' },
  { name: 'feeds', path: FEED },
  { name: 'dataset', path: '^dataset/' },
  { name: 'qa', path: '^qa/' },
];
const IMPORTERS = '^connectors/import/';
const PURE = `(${[...CORES.map((core) => core.path), IMPORTERS].join('|')})`;
const VENUE = '^connectors/(?!runtime/|simulator/|import/|collector/)[^/]+/venue[^/]*[.]ts$';
const COLLECTOR = '^connectors/collector/';
/** What feeds' simulated sides share; its server and its day run need Node and stay out. */
const MARKET = '^connectors/simulator/';

const PORT_FOLDERS = '^(bus|storage|notify|database)/';
const ADAPTER =
  '^(bus/(nats|memory)|storage/(s3|fs|memory)|notify/(linear|webhook)|database/postgres)';
const ROOT = '^(workers|cli|environments|stack|scripts|bench|test)/';
const OUTSIDE = ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'unknown'];

const no = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** One rule a core: of our own folders, only those before it. */
const inward = CORES.map(({ name, path }, at) =>
  no(
    `${name}-imports-inward`,
    `${name} may import only ${CORES.slice(0, at + 1)
      .map((core) => core.name)
      .join(', ')}. ` + 'What it needs from further out arrives as an argument.',
    { path, pathNot: [VENUE] },
    {
      path: '^[a-z]',
      pathNot: ['^node_modules/', ...CORES.slice(0, at + 1).map((core) => core.path)],
      dependencyTypesNot: OUTSIDE,
    },
  ),
);

module.exports = {
  forbidden: [
    no(
      'no-circular',
      'A cycle hides which file comes first: move what both need into a third.',
      {},
      // Of types as well: they name who knows of whom.
      { circular: true },
    ),
    no('no-unresolvable', 'This import points nowhere.', {}, { couldNotResolve: true }),
    no(
      'no-orphans',
      'A file that nobody imports: use it or delete it.',
      {
        orphan: true,
        pathNot: [
          '[.](cjs|mjs|js|d[.]ts|d[.]mts)$',
          '^test/',
          '^scripts/',
          '^bench/',
          '^node_modules/',
        ],
      },
      {},
    ),
    ...inward,
    no(
      'pure-has-no-outside',
      'Pure cores know no Node and no npm: no clock, no files, no randomness. Take it as an argument.',
      { path: PURE },
      { dependencyTypes: OUTSIDE },
    ),
    no(
      'feeds-are-islands',
      'One feed never imports another: share in codec/ or books/, or duplicate.',
      { path: '^connectors/(?!runtime/|simulator/|import/|collector/)([^/]+)/' },
      { path: FEED, pathNot: '^connectors/$1/' },
    ),
    no(
      'importers-import-inward',
      'connectors/import reads other formats: schema, codec and what a feed is, nothing else of ours.',
      { path: IMPORTERS },
      {
        path: '^[a-z]',
        pathNot: [
          ...['^node_modules/', '^schema/', '^codec/', '^connectors/feed[.]ts$', IMPORTERS],
          '^connectors/registry[.]ts$',
        ],
        dependencyTypesNot: OUTSIDE,
      },
    ),
    no(
      'venue-stands-alone',
      'A simulated venue that shares the parser, the books or the checksum proves nothing: write ' +
        'its side anew, from schema/, connectors/simulator/ and its own venue files.',
      { path: '^connectors/(?!runtime/|simulator/|import/|collector/)([^/]+)/venue[^/]*[.]ts$' },
      {
        path: '^[a-z]',
        pathNot: ['^node_modules/', '^schema/', MARKET, '^connectors/$1/venue[^/]*[.]ts$'],
        dependencyTypesNot: OUTSIDE,
      },
    ),
    no(
      'venue-reaches-no-parser',
      'This simulated venue reaches a parser or a book through another file: break that path.',
      { path: VENUE },
      {
        path: ['^codec/', '^books/', '/(decode|frame-reader|checksum|book)[.]ts$'],
        reachable: true,
      },
    ),
    no(
      'simulator-knows-venues-only',
      'connectors/simulator serves venues: of a feed it may import the venue side alone.',
      { path: MARKET },
      { path: FEED, pathNot: VENUE },
    ),
    no(
      'ports-import-schema',
      'A port and its adapters stand alone: schema/, their own folder, and npm for adapters.',
      { path: '^(bus|storage|notify|database)/' },
      {
        path: '^[a-z]',
        pathNot: ['^node_modules/', '^schema/', '^$1/'],
        dependencyTypesNot: OUTSIDE,
      },
    ),
    no(
      'adapters-only-at-roots',
      'Take the port as an argument; only a composition root builds adapters.',
      { pathNot: [ROOT, ADAPTER] },
      { path: ADAPTER, dependencyTypesNot: ['type-only'] },
    ),
    no(
      'runtime-imports',
      'connectors/runtime holds the sockets: cores, ports and ws, not jobs and not roots.',
      { path: '^connectors/runtime/' },
      { path: '^(activities|workflows|workers|cli|environments|stack|test|scripts)/' },
    ),
    no(
      'collector-imports',
      'connectors/collector records and mends nothing: the runtime, what a feed is, schema/, codec/ and ' +
        'the port of its files. Clock, sockets, files and encoder arrive as arguments.',
      { path: COLLECTOR },
      {
        pathNot: [
          ...[
            '^schema/',
            '^codec/',
            '^connectors/feed[.]ts$',
            '^storage/whole-files[.]ts$',
            COLLECTOR,
          ],
          '^connectors/runtime/(clock|connection|guarded|socket|state)[.]ts$',
        ],
      },
    ),
    no(
      'collector-reaches-no-http',
      'Only WebSocket frames are recorded: nothing on the way to the files may be able to ask over HTTP, ' +
        'and nothing may fold, publish or archive.',
      { path: COLLECTOR },
      {
        path: [
          '^(node:)?(http|https|http2|net|tls|dgram)$',
          '^node_modules/',
          '^(fold|dataset|activities|workflows|workers)/',
          '^connectors/runtime/(epoch|publisher|shipper|archive|ws-socket|status-server)[^/]*[.]ts$',
        ],
        reachable: true,
      },
    ),
    no(
      'activities-imports',
      'Activities are thin: cores and ports in, nothing that runs a socket, a root or a workflow.',
      { path: '^activities/' },
      { path: '^(connectors/simulator|workflows|workers|cli|environments|stack|test|scripts)/' },
    ),
    no(
      'workflows-sandbox',
      'Workflow code replays: its own files, pure cores and @temporalio/workflow; activities as types.',
      { path: '^workflows/' },
      {
        pathNot: ['^workflows/', PURE, '^node_modules/@temporalio/(workflow|common)/'],
        dependencyTypesNot: ['type-only'],
      },
    ),
    no(
      'faces-know-workflows-by-type',
      'cli/ and gateway/ start workflows by name: import their types, names and the judge of their ' +
        'inputs, never their code.',
      { path: '^(cli|gateway)/' },
      {
        path: '^(workflows|activities)/',
        pathNot: '^(workflows/lib/(ids|queues)|activities/admission)[.]ts$',
        dependencyTypesNot: ['type-only'],
      },
    ),
    no(
      'nobody-imports-roots',
      'Composition roots are leaves: only the command line and tests start them.',
      { pathNot: '^(workers|cli|test|scripts|bench)/' },
      { path: '^(workers|cli)/' },
    ),
    no(
      'stack-for-cli-and-tests',
      'The product runs against servers wherever they are; only cli/, scripts/ and test/ start them.',
      { pathNot: '^(stack|cli|test|scripts|bench)/' },
      { path: '^stack/' },
    ),
    no(
      'stack-stands-alone',
      'stack/ starts servers and knows nothing of what runs on them: schema/ is all it imports.',
      { path: '^stack/' },
      {
        path: '^[a-z]',
        pathNot: ['^node_modules/', '^schema/', '^stack/'],
        dependencyTypesNot: OUTSIDE,
      },
    ),
    no(
      'product-never-imports-test',
      'Move the helper into the product or pass it in.',
      { pathNot: '^(test|bench)/' },
      { path: '^(test|bench)/' },
    ),
  ],
  options: {
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
