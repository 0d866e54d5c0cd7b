/** What is needed cannot be had, in words for the person at the terminal: exit code 3, so that callers can skip. */
export class CannotHave extends Error {}

export function firstLine(text) {
  return text?.split('\n').find((line) => line.trim() !== '') ?? 'no output'
}

export function lastLine(text) {
  return firstLine(text?.split('\n').reverse().join('\n'))
}
