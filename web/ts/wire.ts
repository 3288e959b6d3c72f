// Arguments and answers as bytes, by the types of `contract.ts`; `src/wire.rs` describes the form.
//
// In JavaScript a record is an object with the contract's names, a variant an object with one field (or null in it), an option null, an
// enum a string, flags a list of strings, bytes a Uint8Array, a number of 64 bits a number, or a bigint where it may not fit.

import { TYPES, type Fields } from "./contract.js";
import { LarderError } from "./error.js";
import { encoded } from "./text.js";

/** A value of the contract. */
export type Plain =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Plain[]
  | { readonly [name: string]: Plain };

// A byte order mark is part of a text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes that are written. */
export class Writer {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private at = 0;

  /** What was written. */
  done(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }

  private room(more: number): number {
    const at = this.at;
    this.at += more;
    if (this.at > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.at, 2 * this.bytes.length));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  private u8(number: number): void {
    const at = this.room(1);
    this.view.setUint8(at, number);
  }

  private u32(number: number): void {
    const at = this.room(4);
    this.view.setUint32(at, number, true);
  }

  private f64(number: number): void {
    // First, for it may put another view in place.
    const at = this.room(8);
    this.view.setFloat64(at, number, true);
  }

  private i64(number: bigint): void {
    const at = this.room(8);
    this.view.setBigInt64(at, number, true);
  }

  private raw(bytes: Uint8Array): void {
    this.u32(bytes.length);
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** Writes the fields of a record, or the arguments of a call. */
  fields(fields: Fields, values: { readonly [name: string]: Plain | undefined }): void {
    for (const [name, type] of fields) this.write(type, values[name] ?? null);
  }

  /** Writes a value of a type. */
  write(type: string, value: Plain): void {
    if (type.endsWith("[]")) {
      const list = (value ?? []) as readonly Plain[];
      this.u32(list.length);
      for (const item of list) this.write(type.slice(0, -2), item);
    } else if (type.endsWith("?")) {
      this.u8(value === null ? 0 : 1);
      if (value !== null) this.write(type.slice(0, -1), value);
    } else if (!this.plain(type, value)) {
      this.compound(type, value);
    }
  }

  private plain(type: string, value: Plain): boolean {
    switch (type) {
      case "":
        break;
      case "bool":
        this.u8(value ? 1 : 0);
        break;
      case "u8":
        this.u8(within(value, 2 ** 8));
        break;
      case "u32":
        this.u32(within(value, 2 ** 32));
        break;
      case "u64":
      case "f64":
        this.f64(Number(value));
        break;
      case "i64":
        this.i64(BigInt.asIntN(64, BigInt(value as number | bigint | string)));
        break;
      case "text":
        if (typeof value !== "string") throw new LarderError("invalid-argument", `a ${typeof value} is no text`);
        this.raw(encoded(value));
        break;
      case "bytes":
        if (value !== null && !(value instanceof Uint8Array)) throw new LarderError("invalid-argument", `a ${typeof value} is no bytes`);
        this.raw(value ?? new Uint8Array());
        break;
      default:
        return false;
    }
    return true;
  }

  private compound(name: string, value: Plain): void {
    const type = TYPES[name];
    if (type === undefined) throw new TypeError(`there is no type ${name}`);
    const [kind, fields, names] = type;
    if (kind === "record") {
      this.fields(fields, value as { [name: string]: Plain });
    } else if (kind === "tuple") {
      const items = value as readonly Plain[];
      names.forEach((of, place) => this.write(of, items[place] ?? null));
    } else if (kind === "enum") {
      this.u8(placeOf(names, value as string));
    } else if (kind === "flags") {
      this.u8((value as readonly string[]).reduce((bits, flag) => bits | (1 << placeOf(names, flag)), 0));
    } else if (kind === "variant") {
      const [name, carried] = Object.entries(value as { [name: string]: Plain })[0] ?? ["", null];
      const place = placeOf(names, name);
      this.u8(place);
      this.write(fields[place]?.[1] ?? "", carried);
    }
  }
}

function within(value: Plain, end: number): number {
  // No limit is the highest.
  const number = value === Infinity ? end - 1 : Number(value);
  if (Number.isInteger(number) && number >= 0 && number < end) return number;
  throw new LarderError("invalid-argument", `${String(value)} is no whole number from 0 to ${end - 1}`);
}

function placeOf(names: readonly string[], name: string): number {
  const place = names.indexOf(name);
  if (place < 0) throw new LarderError("invalid-argument", `${JSON.stringify(name)} is none of ${names.join(", ")}`);
  return place;
}

/** Bytes that are read. They are copied out of the memory that they lie in. */
export class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private u8(): number {
    return this.view.getUint8(this.at++);
  }

  private u32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  private raw(): Uint8Array {
    const length = this.u32();
    this.at += length;
    return this.bytes.slice(this.at - length, this.at);
  }

  /** Reads a value of a type. `refused` makes what stands for a refusal in the midst of an answer. */
  read(type: string, refused: (code: number, message: string) => Plain): Plain {
    if (type.endsWith("[]")) {
      const count = this.u32();
      return Array.from({ length: count }, () => this.read(type.slice(0, -2), refused));
    }
    if (type.endsWith("?")) return this.u8() === 0 ? null : this.read(type.slice(0, -1), refused);
    switch (type) {
      case "":
        return null;
      case "bool":
        return this.u8() !== 0;
      case "u8":
        return this.u8();
      case "u32":
        return this.u32();
      case "u64":
      case "f64":
        this.at += 8;
        return this.view.getFloat64(this.at - 8, true);
      case "i64":
        this.at += 8;
        return this.view.getBigInt64(this.at - 8, true);
      case "text":
        return decoder.decode(this.raw());
      case "bytes":
        return this.raw();
      default:
        return this.compound(type, refused);
    }
  }

  private compound(name: string, refused: (code: number, message: string) => Plain): Plain {
    const type = TYPES[name];
    if (type === undefined) throw new TypeError(`there is no type ${name}`);
    const [kind, fields, names] = type;
    if (kind === "record") {
      const record: { [name: string]: Plain } = {};
      for (const [name, of] of fields) record[name] = this.read(of, refused);
      return record;
    }
    if (kind === "tuple") return names.map((of) => this.read(of, refused));
    if (kind === "enum") return names[this.u8()] ?? null;
    if (kind === "flags") {
      const bits = this.u8();
      return names.filter((_, place) => bits & (1 << place));
    }
    if (kind === "variant") {
      const [name, of] = fields[this.u8()] ?? ["", ""];
      return { [name]: this.read(of, refused) };
    }
    const status = this.u8();
    return status === 0 ? this.read(names[0] ?? "", refused) : refused(status - 1, decoder.decode(this.raw()));
  }
}
