/**
 * Loaded before a test (`node --import`), breaks one rule of the product for it: a stretch of one
 * source file is replaced as the file is loaded. Nothing on disk changes.
 */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../project.ts';

/** JSON of `{file, find, replace}`. */
const given = process.env['MUTATION'];
if (given === undefined) throw new Error('MUTATION names no mutation');
const { file, find, replace } = JSON.parse(given) as Record<'file' | 'find' | 'replace', string>;
const target = pathToFileURL(join(projectRoot, file)).href;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== target) return loaded;
    const source =
      typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
    return { ...loaded, source: source.replace(find, () => replace) };
  },
});
