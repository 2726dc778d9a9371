import { VARIABLES, type VariableName } from '../../src/model/variables.ts';
import { formatCount, formatNumber, formatSigned } from './numbers.ts';

/** What people choose; only temperatures have two units so far. */
export type Units = 'c' | 'f';

/** 25.9 °C → 78.6 °F. */
export function convertTemperature(celsius: number, units: Units): number {
  return units === 'f' ? celsius * 1.8 + 32 : celsius;
}

export function temperatureUnit(units: Units): string {
  return units === 'f' ? '°F' : '°C';
}

function isTemperature(name: VariableName): boolean {
  return VARIABLES[name].unit === '°C';
}

/** The value in the chosen unit; other variables than temperatures stay as they are. */
export function convertValue(value: number, name: VariableName, units: Units): number {
  return isTemperature(name) ? convertTemperature(value, units) : value;
}

export function unitOf(name: VariableName, units: Units): string {
  return isTemperature(name) ? temperatureUnit(units) : VARIABLES[name].unit;
}

/** Value and unit with the digits of the table of variables: "25.9 °C", "87 %"; "–" when missing. */
export function formatValue(
  value: number | null | undefined,
  name: VariableName,
  units: Units,
): string {
  if (value === null || value === undefined) return '–';
  return `${formatBare(value, name, units)} ${unitOf(name, units)}`;
}

/** The same without its unit, for columns and axes that name it. */
export function formatBare(
  value: number | null | undefined,
  name: VariableName,
  units: Units,
): string {
  if (value === null || value === undefined) return '–';
  return formatNumber(convertValue(value, name, units), VARIABLES[name].digits);
}

/** "25.9°", where the unit is said once for all. */
export function formatDegrees(celsius: number | null | undefined, units: Units): string {
  if (celsius === null || celsius === undefined) return '–';
  return `${formatBare(celsius, 'temperature_c', units)}°`;
}

/** "26°", where there is room for no more. */
export function formatWholeDegrees(celsius: number | null | undefined, units: Units): string {
  if (celsius === null || celsius === undefined) return '–';
  return `${formatCount(convertTemperature(celsius, units))}°`;
}

/** A difference of temperatures has a scale but no zero point: 2.7 °C → "+4.9" °F. */
export function formatTemperatureDifference(celsius: number, units: Units): string {
  return formatSigned(units === 'f' ? celsius * 1.8 : celsius, VARIABLES.temperature_c.digits);
}
