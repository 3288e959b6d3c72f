// Lines of a stream of bytes, as `larder simulate` cuts them: a line ends with \n or \r\n, blank ones are left out, and none is longer than the longest
// key with a size.

/** A trace that cannot be read, as a sentence. */
export class Refused extends Error {
  override readonly name = "Refused";
}

const LONGEST = 65_535 + 11;
const LINE_FEED = 10;
const RETURN = 13;

/** Cuts bytes into lines; each is handed over with its number, from 1, and valid until the next one. */
export class Lines {
  private rest: Uint8Array<ArrayBufferLike> = new Uint8Array();
  private number = 0;

  constructor(private readonly take: (line: Uint8Array, number: number) => void) {}

  push(chunk: Uint8Array): void {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      const piece = chunk.subarray(from, end);
      this.line(this.rest.length === 0 ? piece : this.joined(piece));
      from = end + 1;
    }
    if (from < chunk.length) this.rest = this.joined(chunk.subarray(from)).slice();
    // One more for a return.
    if (this.rest.length > LONGEST + 1) throw this.tooLong(this.number + 1);
  }

  end(): void {
    if (this.rest.length > 0) this.line(this.joined(new Uint8Array()));
  }

  private joined(piece: Uint8Array): Uint8Array {
    const whole = new Uint8Array(this.rest.length + piece.length);
    whole.set(this.rest);
    whole.set(piece, this.rest.length);
    this.rest = new Uint8Array();
    return whole;
  }

  private line(line: Uint8Array): void {
    this.number++;
    const bare = line.at(-1) === RETURN ? line.subarray(0, -1) : line;
    if (bare.length > LONGEST) throw this.tooLong(this.number);
    if (bare.length > 0) this.take(bare, this.number);
  }

  private tooLong(number: number): Refused {
    return new Refused(`Line ${number}: the line is longer than ${LONGEST} bytes.`);
  }
}
