/** On which scale deviations of a variable are alike, and how small a spread may be. */
import type { VariableName } from '../model/variables.ts';

export interface Scale {
  /** From the variable's unit to a scale on which deviations up and down are of one kind, and back. */
  readonly to: (value: number) => number;
  readonly from: (scaled: number) => number;
  /** The smallest spread that counts, on the scale: what instruments and rounding make. */
  readonly spreadLeast: number;
}

const linear = (spreadLeast: number): Scale => ({
  to: (value) => value,
  from: (scaled) => scaled,
  spreadLeast,
});

/**
 * Wind speeds have a floor at 0 and a long tail: their square root is nearly symmetric. The
 * humidity is judged as it is, since its bounds are values that are common. A direction has no scale.
 */
export const SCALES: Readonly<Partial<Record<VariableName, Scale>>> = {
  temperature_c: linear(0.8),
  humidity_pct: linear(4),
  pressure_hpa: linear(0.8),
  wind_speed_ms: { to: Math.sqrt, from: (scaled) => scaled * scaled, spreadLeast: 0.3 },
};
