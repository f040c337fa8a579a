/** `node range.ts FROM TO`: the first seed of the model that fails, as JSON, or null. */
import { firstFailure } from './seeds.ts';

const [from, to] = process.argv.slice(2).map(Number);
if (from === undefined || to === undefined) throw new Error('usage: range.ts FROM TO');
console.log(JSON.stringify(await firstFailure({ from, to, least: false })));
