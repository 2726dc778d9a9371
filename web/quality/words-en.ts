/** The words of quality control in English. */
export const enQuality = {
  failed: (city: string) => `Failed quality control in ${city}:`,
  suspect: (city: string) => `Suspect in ${city}:`,
  /** What each test found; the value that it expected is in the chosen unit. */
  found: {
    step: (expected: string) => `changed too fast from ${expected}`,
    spike: (expected: string) => `jumped away from ${expected} and back`,
    persistence: (_: string) => 'has not changed for hours',
    buddies: (expected: string) => `the mean of its neighbours is ${expected}`,
    consistency: (expected: string) => `its neighbours make ${expected} likely`,
    bias: (expected: string) => `is always off; its neighbours make ${expected} likely`,
  },
  internal: {
    gust: 'a gust is below the mean wind',
    pressure: 'fits the height of the station, not sea level',
  },
  dewPoint: (value: string, expected: string) =>
    `the dew point is ${value} with it; its neighbours make ${expected} likely`,
};
