import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { words } from '../words/words.ts';

/** A table that may be wider than its place: it scrolls by itself, and with buttons. */
export function ScrollTable({
  label,
  tall = false,
  children,
}: {
  readonly label: string;
  /** Whether it has so many rows that it scrolls up and down, too. */
  readonly tall?: boolean;
  readonly children: ComponentChildren;
}) {
  const place = useRef<HTMLDivElement>(null);
  const wide = useSignal(false);
  const high = useSignal(false);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const measure = () => {
      wide.value = element.scrollWidth > element.clientWidth + 1;
      high.value = element.scrollHeight > element.clientHeight + 1;
    };
    // Measures once all is laid out, and before it is painted.
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    if (element.firstElementChild !== null) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, [wide, high]);
  const scroll = (direction: number) => {
    const element = place.current;
    element?.scrollBy({ left: direction * element.clientWidth * 0.8 });
  };
  return (
    <>
      {wide.value && (
        <p class="scroll-buttons">
          <button type="button" class="plain" onClick={() => scroll(-1)}>
            ← {words.value.panel.left}
          </button>
          <button type="button" class="plain" onClick={() => scroll(1)}>
            {words.value.panel.right} →
          </button>
        </p>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields. */}
      <div
        role="group"
        class={tall ? 'scroll tall' : 'scroll'}
        ref={place}
        aria-label={label}
        {...(wide.value || high.value ? { tabIndex: 0 } : {})}
      >
        {children}
      </div>
    </>
  );
}
