/** How much is measured, and how often within one round. */
export interface Sizes {
  /** Pages of cold data. */
  pages: number
  /** How often a scenario is set up anew and measured; a round's figure is the median. */
  repetitions: number
}

/** Pages that stay in the caches. */
export const hotPages = 256

export const full: Sizes = { pages: 131_072, repetitions: 2 }
export const quick: Sizes = { pages: 4_096, repetitions: 1 }

/** Nanoseconds per page, or what the name says, of everything that one round measured. */
export type Figures = Map<string, number>
