/** Made by web/land.ts when the page is built. */
declare module 'virtual:land' {
  /** The address of the outline of the land; its path is `#land`. */
  const address: string;
  export default address;
}
