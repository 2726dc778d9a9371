/** A picture of the sky; the shapes are Lucide's. */
import {
  Cloud,
  CloudDrizzle,
  CloudFog,
  CloudHail,
  CloudLightning,
  CloudMoon,
  CloudMoonRain,
  CloudRain,
  CloudSnow,
  CloudSun,
  CloudSunRain,
  Cloudy,
  type IconNode,
  Moon,
  Sun,
  Tornado,
  Wind,
} from 'lucide';
import { createElement } from 'preact';
import { words } from '../words/words.ts';
import type { ShownCity } from './city-list.ts';
import { type Condition, conditionOf, isNight } from './condition.ts';

/** By day, and by night where that is another. */
const ICONS: Readonly<Record<Condition, readonly [day: IconNode, night?: IconNode]>> = {
  clear: [Sun, Moon],
  partly: [CloudSun, CloudMoon],
  cloudy: [Cloud],
  overcast: [Cloudy],
  drizzle: [CloudDrizzle],
  rain: [CloudRain],
  showers: [CloudSunRain, CloudMoonRain],
  thunder: [CloudLightning],
  snow: [CloudSnow],
  sleet: [CloudHail],
  fog: [CloudFog],
  squall: [Wind],
  tornado: [Tornado],
};

export function ConditionIcon({ city }: { readonly city: ShownCity }) {
  const condition = city.latest === null ? null : conditionOf(city.latest);
  if (condition === null) return <span class="sky" />;
  const night = isNight(city);
  const [day, dark = day] = ICONS[condition];
  const say = words.value.conditions;
  const text = night ? say.atNight(say[condition]) : say[condition];
  return (
    <svg
      class={`sky sky-${condition} sky-${night ? 'night' : 'day'}`}
      viewBox="0 0 24 24"
      role="img"
      aria-label={text}
    >
      <title>{text}</title>
      {(night ? dark : day).map(([tag, attributes]) => createElement(tag, attributes))}
    </svg>
  );
}
