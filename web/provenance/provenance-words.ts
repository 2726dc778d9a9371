/** The words of the window about what is behind a number: they are loaded with it, in every language. */
import { computed } from '@preact/signals';
import { language } from '../words/words.ts';
import { deProvenance } from './words-de.ts';
import { enProvenance } from './words-en.ts';
import { frProvenance } from './words-fr.ts';

const TABLES = { en: enProvenance, de: deProvenance, fr: frProvenance };

export const provenanceWords = computed(() => TABLES[language.value]);
