/** Limits of what the command line takes. */

/** Points of a window or step. */
export const POINTS_MAX = 2 ** 29

/** Points of one diagram: its pairs become objects and text, up to 1 GiB of them. */
export const DIAGRAM_POINTS_MAX = 2 ** 22
