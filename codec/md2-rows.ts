/** Where the messages of one type lie in a stream: what its columns are filled from. */
const ROWS = 64;

export class Rows {
  count = 0;
  /** Where each begins, and its body's data, in int32. */
  at = new Int32Array(ROWS);
  data = new Int32Array(ROWS);
  market = new Int32Array(ROWS);
  /** Which message of the stream it is. */
  place = new Int32Array(ROWS);

  push(at: number, data: number, market: number, place: number): void {
    const row = this.count;
    if (row === this.at.length) this.#grow();
    this.count = row + 1;
    this.at[row] = at;
    this.data[row] = data;
    this.market[row] = market;
    this.place[row] = place;
  }

  #grow(): void {
    const { at, data, market, place } = this;
    const length = at.length * 4;
    this.at = new Int32Array(length);
    this.data = new Int32Array(length);
    this.market = new Int32Array(length);
    this.place = new Int32Array(length);
    this.at.set(at);
    this.data.set(data);
    this.market.set(market);
    this.place.set(place);
  }
}
