/** The language of the page: its words, and the locale of its numbers and times. */
import { batch, computed, signal } from '@preact/signals';
import { en, type Words } from './en.ts';

export const LANGUAGES = ['en', 'de', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What a language calls itself. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
};

const LOCALES: Readonly<Record<Language, string>> = { en: 'en-GB', de: 'de-DE', fr: 'fr-FR' };

const LOADERS: Readonly<Record<Exclude<Language, 'en'>, () => Promise<Words>>> = {
  de: () => import('./de.ts').then(({ de }) => de),
  fr: () => import('./fr.ts').then(({ fr }) => fr),
};

export const words = signal<Words>(en);
/** The language of `words`, as the document says it, too. */
export const language = signal<Language>('en');
/** Of numbers and times. */
export const locale = computed(() => LOCALES[language.value]);

let wanted: Language = 'en';

/** Other languages are loaded on first use; until then the previous words stay. */
export async function setLanguage(name: Language): Promise<void> {
  wanted = name;
  const loaded = name === 'en' ? en : await LOADERS[name]();
  if (wanted !== name) return;
  batch(() => {
    words.value = loaded;
    language.value = name;
  });
}

/** The first of these that the page speaks: as browsers name them, "de-CH". */
export function languageOf(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const found = LANGUAGES.find((name) => tag.toLowerCase().split('-')[0] === name);
    if (found !== undefined) return found;
  }
  return 'en';
}
