/** The cell of a variable → its value in our unit, or why it cannot be used. */
import { relativeHumidity } from '../model/humidity.ts';
import { fieldProblem, IS_NAN, NOT_A_NUMBER } from '../model/validity.ts';
import type { VariableName } from '../model/variables.ts';
import {
  COMPASS_UNITS,
  type CompassUnit,
  compassReader,
  hasNoDirection,
  isCalm,
} from './compass.ts';
import type { Mapping, VariableMapping } from './mapping.ts';
import { numberReader, type ParseNumber } from './numbers.ts';
import { converterTo } from './units.ts';

/** A number; null when nothing was measured; a text: the reason why the cell is rejected. */
export type Cell = number | null | string;
export type ReadCell = (text: string) => Cell;

const AMBIGUOUS = 'a point that may stand for thousands or for decimals';

/**
 * In this order: empty or a mark of missing values → null; a trace → 0; words for winds; a
 * number, scaled and in our unit, that the variable may have.
 */
export function cellReader(variable: VariableMapping, mapping: Mapping): ReadCell {
  const { name, strip } = variable;
  const parse = numberReaderOf(variable, mapping);
  const isMissing = marksReader(variable.missing ?? mapping.missing ?? [], parse);
  const isTrace = marksReader(variable.trace ?? [], parse);
  const readWord = wordReaderOf(variable);
  const convert = conversionOf(variable);
  return (given) => {
    let text = given.trim();
    if (text === '' || isMissing(text)) return null;
    if (strip !== undefined && text.endsWith(strip.trim())) {
      text = text.slice(0, -strip.trim().length).trim();
      if (text === '' || isMissing(text)) return null;
    }
    if (isTrace(text)) return 0;
    const word = readWord(text);
    if (word !== undefined) return word;
    const number = parse(text);
    if (number === 'ambiguous') return AMBIGUOUS;
    if (number === null) return problemOfWord(name, text);
    const value = convert(number);
    return fieldProblem(name, value) ?? value;
  };
}

/** A temperature that is not a variable of its own, in °C. */
export function dewPointReader(variable: VariableMapping, mapping: Mapping): ReadCell {
  return cellReader({ ...variable, name: 'temperature_c' }, mapping);
}

/**
 * Relative humidity from temperature and dew point, both in °C. A dew point that is above the
 * temperature by rounding alone stands for saturated air.
 */
export function humidityOf(temperature: number, dewPoint: number): Cell {
  const humidity = relativeHumidity(temperature, dewPoint);
  const isRounding = humidity > 100 && dewPoint - temperature <= ROUNDING_C;
  const value = isRounding ? 100 : humidity;
  return fieldProblem('humidity_pct', value) ?? value;
}

const ROUNDING_C = 0.6;

export function numberReaderOf(
  { decimal_comma, thousands }: Pick<VariableMapping, 'decimal_comma' | 'thousands'>,
  mapping: Mapping,
): ParseNumber {
  return numberReader({
    decimalComma: decimal_comma ?? mapping.decimal_comma ?? false,
    thousands: thousands ?? mapping.thousands ?? null,
  });
}

/** Whether a text is one of the marks, as text or as the same number: -999 is also -999.0. */
export function marksReader(
  marks: readonly (string | number)[],
  parse: ParseNumber,
): (text: string) => boolean {
  if (marks.length === 0) return () => false;
  const texts = new Set(marks.map((mark) => String(mark).trim()));
  const numbers = new Set(
    marks.flatMap((mark) => {
      const number = typeof mark === 'number' ? mark : parse(mark.trim());
      return typeof number === 'number' ? [number] : [];
    }),
  );
  return (text) => {
    if (texts.has(text)) return true;
    const number = numbers.size === 0 ? null : parse(text);
    return typeof number === 'number' && numbers.has(number);
  };
}

/** Reads words for directions and for calm; undefined for any other text. */
function wordReaderOf({ name, unit }: VariableMapping): (text: string) => Cell | undefined {
  if (name === 'wind_speed_ms') return (text) => (isCalm(text) ? 0 : undefined);
  if (name !== 'wind_direction_deg') return () => undefined;
  const isCompass = COMPASS_UNITS.includes(unit as CompassUnit);
  const read = compassReader(isCompass ? (unit as CompassUnit) : 'compass');
  return (text) => {
    if (!/^[a-z]/i.test(text)) return undefined;
    return hasNoDirection(text) ? null : (read(text) ?? undefined);
  };
}

/** A tenth as scale divides by ten, so that 76 becomes 7.6 and not 7.6000000000000005. */
function conversionOf(variable: VariableMapping): (value: number) => number {
  const { name, unit, scale = 1, offset = 0 } = variable;
  const isCompass = COMPASS_UNITS.includes(unit as CompassUnit);
  const convert = converterTo(name, isCompass ? undefined : unit) ?? ((value: number) => value);
  if (scale === 1 && offset === 0) return convert;
  const inverse = Math.round(1 / scale);
  const isFraction = inverse > 1 && Math.abs(inverse * scale - 1) < 1e-12;
  return (value) => convert((isFraction ? value / inverse : value * scale) + offset);
}

function problemOfWord(name: VariableName, text: string): string {
  if (/^[+-]?nan$/i.test(text)) return IS_NAN;
  const infinity = /^[+-]?inf(inity)?$/i.test(text);
  return (infinity ? fieldProblem(name, Number.POSITIVE_INFINITY) : null) ?? NOT_A_NUMBER;
}
