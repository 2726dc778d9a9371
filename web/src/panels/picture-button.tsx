import { useSignal } from '@preact/signals';
import { savePicture } from '../charts/picture.ts';
import { words } from '../words/words.ts';

/** Saves what a panel draws as a PNG. */
export function PictureButton({ panel }: { readonly panel: string }) {
  const failed = useSignal(false);
  return (
    <button
      type="button"
      class="link"
      onClick={() => {
        const svg = document.querySelector<SVGSVGElement>(`#${panel} .drawing svg`);
        if (svg === null) return;
        savePicture(svg, `isobar-${panel}`).then(
          () => {
            failed.value = false;
          },
          () => {
            failed.value = true;
          },
        );
      }}
    >
      {failed.value ? words.value.panel.noPicture : 'PNG'}
    </button>
  );
}
