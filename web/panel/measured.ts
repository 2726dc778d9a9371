import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Width and height of an element in px, kept up with its place; 0 before they are known. */
export function useSize<E extends HTMLElement>() {
  const place = useRef<E>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    // Measures once all is laid out, and before it is painted.
    const observer = new ResizeObserver(() => {
      const width = Math.floor(element.clientWidth);
      const height = Math.floor(element.clientHeight);
      setSize((old) => (old.width === width && old.height === height ? old : { width, height }));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [place, size] as const;
}

export function useWidth<E extends HTMLElement>() {
  const [place, { width }] = useSize<E>();
  return [place, width] as const;
}
