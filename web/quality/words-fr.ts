/** The words of quality control in French. */
import type { Words } from '../words/en.ts';

export const frQuality: Words['quality'] = {
  failed: (city) => `Rejeté par le contrôle de qualité à ${city} :`,
  suspect: (city) => `Douteux à ${city} :`,
  found: {
    step: (expected) => `a changé trop vite depuis ${expected}`,
    spike: (expected) => `a sauté depuis ${expected} puis est revenu`,
    persistence: () => 'n’a pas changé depuis des heures',
    buddies: (expected) => `la moyenne des voisins est de ${expected}`,
    consistency: (expected) => `d’après les voisins, ${expected} serait probable`,
    bias: (expected) => `s’écarte toujours ; d’après les voisins, ${expected} serait probable`,
  },
  internal: {
    gust: 'une rafale est inférieure au vent moyen',
    pressure: 'correspond à l’altitude de la station, pas au niveau de la mer',
  },
  dewPoint: (value, expected) =>
    `le point de rosée serait de ${value} ; d’après les voisins, ${expected} serait probable`,
};
