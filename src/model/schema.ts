/** How schemas are declared: closed objects whose fields say what they mean. Times are ISO 8601. */
import { type Static, type TProperties, type TSchema, Type } from 'typebox';

export function record<T extends TProperties>(properties: T, description: string) {
  return Type.Object(properties, { additionalProperties: false, description });
}

export const time = (description?: string) =>
  Type.String({ format: 'date-time', ...(description === undefined ? {} : { description }) });
export const text = (description: string) => Type.String({ description });
export const whole = (description: string) => Type.Integer({ description });
export const orNull = <T extends TSchema>(schema: T, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
export const number = (description: string) => orNull(Type.Number(), description);
export const timeOrNull = (description?: string) =>
  orNull(Type.String({ format: 'date-time' }), description);

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The type of what the schema describes; nothing of it is changed. */
export type Of<S extends TSchema> = DeepReadonly<Static<S>>;
