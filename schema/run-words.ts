/** What a run is about in a few words: shown beside it in lists, whoever starts it. */

/** Bytes of a run's static summary that every server takes. */
export const STATIC_SUMMARY_BYTES_MAX = 180;

/** `kraken 2026-11-20`, for the list of runs; at most 180 bytes, which are characters here. */
export function runSummary(type: string, input: unknown): string {
  const given = typeof input === 'object' && input !== null ? { ...input } : {};
  const field = (name: string): string => {
    const value: unknown = Reflect.get(given, name);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const [from, to] = [field('from'), field('to')];
  const days = from === '' ? field('day') : `${from}..${to}`;
  const versions = [field('version'), field('left'), field('right')].filter((it) => it !== '');
  const words = [type, field('feed'), days, versions.join('..')]
    .filter((it) => it !== '')
    .join(' ');
  return asSummary(words);
}

/** Words as a static summary: at most 180 bytes, which are characters here. A server refuses a longer one. */
export function asSummary(words: string): string {
  const ascii = words.replaceAll(/[^\u0020-\u007e]/g, '?');
  return cutTo(ascii, STATIC_SUMMARY_BYTES_MAX);
}

function cutTo(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 3)}...`;
}
