/** Arrays one after the other, in one that `make` gives room for so many elements. O(elements). */
export function concatenated<Numbers extends Uint8Array | Float64Array>(
  arrays: readonly Numbers[],
  make: (length: number) => Numbers
): Numbers {
  const whole = make(arrays.reduce((length, array) => length + array.length, 0))
  let at = 0
  for (const array of arrays) {
    whole.set(array, at)
    at += array.length
  }
  return whole
}
