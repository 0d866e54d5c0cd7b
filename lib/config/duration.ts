/** Durations such as `250ms`, `10s`, `5m`, `1h` in configuration files. */
import ms, { type StringValue } from 'ms'
import { z } from 'zod'

const SHAPE = /^\d+(\.\d+)?\s*(ms|s|m|h|d)$/
const EXPECTED = 'a duration of at least 1ms with its unit, for example "250ms", "10s", "5m" or "1h"'

/** A duration with its unit; its output is milliseconds. */
export const durationMs = z
  .string()
  .refine((text) => SHAPE.test(text) && ms(text as StringValue) >= 1, EXPECTED)
  .meta({ title: 'duration' })
  .transform((text) => ms(text as StringValue))
