/** A panel as a PNG, in the colours that it has on the screen; loaded on first use. */
import { domToBlob } from 'modern-screenshot';

const FINENESS = 2;
/** What one would press, and what is only spoken. */
const LEFT_OUT = '.actions, .map-buttons, .choices, .scroll-buttons, .pages, .more, .unseen, .star';
const NOTE_HEIGHT = 22;

/** `note` stands below the picture. Rejects when the browser cannot draw it. */
export async function savePicture(panel: HTMLElement, name: string, note: string): Promise<void> {
  const blob = await domToBlob(panel, {
    scale: FINENESS,
    height: Math.ceil(panel.getBoundingClientRect().height) + NOTE_HEIGHT,
    // It is the system's own.
    font: false,
    filter: (node) => !(node instanceof Element && node.matches(LEFT_OUT)),
    onCloneEachNode(copy) {
      // The room of a bar to scroll with would hide what stands at the edge.
      if (copy instanceof HTMLElement && copy.matches('.scroll')) copy.style.overflow = 'hidden';
    },
    onCloneNode(copy) {
      if (copy instanceof HTMLElement) addNote(copy, note, getComputedStyle(panel).color);
    },
  });
  saveFile(blob, `${name}.png`);
}

function addNote(copy: HTMLElement, note: string, color: string): void {
  const line = document.createElement('p');
  line.textContent = note;
  Object.assign(line.style, {
    margin: '6px 0 0',
    font: '11.5px system-ui',
    opacity: '0.75',
    color,
  });
  copy.append(line);
  Object.assign(copy.style, { height: 'auto', minHeight: '100%' });
}

function saveFile(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken what it needs once the click is over.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
