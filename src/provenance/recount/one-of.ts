/** What the last digits of a sum decide: each of these values is right. */
import { isClose } from '../../model/agreement.ts';

export class OneOf {
  readonly #values: readonly unknown[];

  constructor(values: Iterable<unknown>) {
    this.#values = [...values];
  }

  allows(value: unknown): boolean {
    return this.#values.some((one) => isClose(one, value));
  }

  toString(): string {
    return this.#values.join(' or ');
  }
}

/** The value where there is only one. */
export function oneOf(values: ReadonlySet<unknown>): unknown {
  const [first] = values;
  return values.size === 1 ? first : new OneOf(values);
}
