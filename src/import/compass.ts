/** The sixteen points of the compass in words → degrees. */

/** Letters for north, east, south, west. */
const LETTERS = {
  compass: 'NESW',
  'compass-german': 'NOSW',
  'compass-dutch': 'NOZW',
  /** Also Spanish, Italian and Portuguese: the west is O. */
  'compass-french': 'NESO',
} as const;

export type CompassUnit = keyof typeof LETTERS;

export const COMPASS_UNITS = Object.keys(LETTERS) as readonly CompassUnit[];

/** In English order, from north by east; 22.5° each. */
const POINTS = 'N NNE NE ENE E ESE SE SSE S SSW SW WSW W WNW NW NNW'.split(' ');
const STEP_DEG = 22.5;

const WORDS = ['NORTH', 'EAST', 'SOUTH', 'WEST'];

const VARIABLE = new Set(['VRB', 'VAR', 'VARIABLE']);

/** Whether the text means a wind without direction: variable or calm. */
export function hasNoDirection(text: string): boolean {
  return VARIABLE.has(text.toUpperCase()) || isCalm(text);
}

/** Whether the text, English or French, means calm. */
export function isCalm(text: string): boolean {
  return /^calme?$/i.test(text);
}

/** A function from a point's letters, or its English word, to degrees; null for other texts. */
export function compassReader(unit: CompassUnit): (text: string) => number | null {
  const letters = LETTERS[unit];
  const degrees = new Map(
    POINTS.map((point, index) => [
      [...point].map((letter) => letters['NESW'.indexOf(letter)]).join(''),
      index * STEP_DEG,
    ]),
  );
  if (unit === 'compass')
    for (const [index, word] of WORDS.entries()) degrees.set(word, index * 90);
  return (text) => degrees.get(text.toUpperCase()) ?? null;
}
