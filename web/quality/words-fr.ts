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
    climatology: (expected) => `jamais vu les années précédentes ; ${expected} serait habituel`,
  },
  internal: {
    gust: 'une rafale est inférieure au vent moyen',
    pressure: 'correspond à l’altitude de la station, pas au niveau de la mer',
  },
  dewPoint: (value, expected) =>
    `le point de rosée serait de ${value} ; d’après les voisins, ${expected} serait probable`,
  title: 'Capteurs',
  subtitle:
    'ce que le contrôle de qualité a trouvé · une valeur rejetée ne compte pas dans les statistiques',
  caption: 'Stations signalées, celles qui ont le plus de valeurs rejetées d’abord',
  noFlags: 'Aucune valeur de cette période n’a été signalée.',
  failedCount: 'Rejetées',
  suspectCount: 'Douteuses',
  share: 'Part rejetée',
  what: 'Constat',
  last: 'Dernière',
  show: 'Montrer dans les graphiques',
  more: (count) =>
    `parmi les ${count} signalements les plus récents ; /api/quality-flags en a plus`,
  others: (count) => `${count} autres villes sans signalement`,
  tests: {
    step: 'saut',
    spike: 'pic',
    persistence: 'immobile',
    internal: 'contradiction',
    buddies: 'différent des stations proches',
    consistency: 'différent des voisins',
    bias: 'toujours décalé',
    climatology: 'différent de toutes les années précédentes',
  },
  events: 'Inhabituel pour la saison',
  eventsSubtitle:
    'ce que la saison, l’heure et les dernières heures ne laissaient pas attendre · pic de chaque événement',
  eventsCaption: 'Événements, les plus récents d’abord',
  noEvents: 'Rien d’inhabituel pour la saison sur cette période.',
  expected: 'Attendu',
  severity: 'Gravité',
  severities: { moderate: 'modérée', high: 'forte', extreme: 'extrême' },
  cause: 'Cause probable',
  causes: {
    sensor_fault: 'défaut du capteur',
    front: 'front',
    record: 'record',
    unexplained: 'inexpliqué',
  },
  records: { highest: 'maximum de la saison', lowest: 'minimum de la saison' },
  nearby: (count) => `${count} à moins de 300 km`,
  moreEvents: (count) => `les ${count} événements les plus récents ; /api/anomaly-events en a plus`,
  learning: (city, days, needed) => `${city} apprend encore : ${days} jours sur ${needed}`,
};
