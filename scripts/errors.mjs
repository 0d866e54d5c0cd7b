/** No broker can be had, in words for the person at the terminal: exit code 3, so that callers can skip. */
export class CannotStart extends Error {}

export function firstLine(text) {
  return text?.split('\n').find((line) => line.trim() !== '') ?? 'no output'
}
