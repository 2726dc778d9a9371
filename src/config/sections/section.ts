/** What sections of the configuration are made of. */
import { Type } from 'typebox';

/** A section with its settings; all of them have defaults. */
export function section<T extends Record<string, Parameters<typeof Type.Object>[0][string]>>(
  description: string,
  properties: T,
) {
  return Type.Object(properties, { additionalProperties: false, description, default: {} });
}

/** Of settings that name one. */
export const AUTHORITY =
  'PEM file of the authority that has signed the service’s certificate; empty means those that ' +
  'Node.js trusts.';

/** A whole number. */
export function whole(value: number, minimum: number, maximum: number, description: string) {
  return Type.Integer({ default: value, minimum, maximum, description });
}

/** One of a few words. */
export function choice<const T extends string>(
  values: readonly T[],
  value: NoInfer<T>,
  description: string,
) {
  return Type.Enum([...values], { default: value, description });
}
