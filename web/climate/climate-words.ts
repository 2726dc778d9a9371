/** The words of the climate's sheet: they are loaded with it, in every language. */
import { computed } from '@preact/signals';
import { language } from '../words/words.ts';
import { deClimate } from './words-de.ts';
import { enClimate } from './words-en.ts';
import { frClimate } from './words-fr.ts';

const TABLES = { en: enClimate, de: deClimate, fr: frClimate };

export const climateWords = computed(() => TABLES[language.value]);
