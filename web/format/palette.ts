/** Temperature has one palette, absolute and everywhere: 15 °C looks the same every day. */

const STOPS: readonly (readonly [celsius: number, colour: string])[] = [
  [-30, '#3b1e6e'],
  [-20, '#4338a8'],
  [-10, '#2f6fd0'],
  [0, '#36a3d9'],
  [8, '#55bfae'],
  [15, '#a5cd78'],
  [22, '#f2cf57'],
  [28, '#f09a3e'],
  [34, '#de5a36'],
  [41, '#b0253a'],
  [48, '#6d1035'],
];

/** Text that lies on a colour of the palette. */
const DARK_TEXT = '#0d1419';
const LIGHT_TEXT = '#ffffff';

/** The colour of a temperature, linear between the stops, the ends beyond them. */
export function temperatureColour(celsius: number): string {
  let low = STOPS[0] ?? [0, '#000000'];
  for (const stop of STOPS) {
    if (celsius < stop[0]) return mix(low[1], stop[1], share(celsius, low[0], stop[0]));
    low = stop;
  }
  return low[1];
}

/** Dark or white, whichever reads better on this colour. */
export function textOn(colour: string): string {
  return contrast(colour, DARK_TEXT) >= contrast(colour, LIGHT_TEXT) ? DARK_TEXT : LIGHT_TEXT;
}

/** WCAG 2.2 contrast ratio, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

/** Relative luminance, WCAG 2.2. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function share(value: number, low: number, high: number): number {
  return high === low ? 0 : Math.max(0, (value - low) / (high - low));
}

function mix(from: string, to: string, ratio: number): string {
  const end = channels(to);
  const parts = channels(from).map((channel, index) =>
    Math.round(channel + ((end[index] ?? 0) - channel) * ratio)
      .toString(16)
      .padStart(2, '0'),
  );
  return `#${parts.join('')}`;
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}
