/** Every page of the console that can be opened on the demo's data: what the page tests walk and the screenshots show. */

export interface ListedPage {
  /** Of its screenshots' files. */
  readonly name: string
  readonly path: string
  /** A text that stands on it once its data has come. */
  readonly shows: string
}

export const PAGES: readonly ListedPage[] = [{ name: 'loop', path: '/', shows: 'Loop' }]
