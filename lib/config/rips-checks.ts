/** Which options of a scale go together with its filtration, and whether a Rips scale can ever have a point. Pure. */
import type { ConfigPath } from './issues.js'
import type { ScaleConfig } from './schema.js'

/** Cloud points in a window, at most: `kRipsWindowMax` of native/rips/rips_window.h, less the point that is entering. */
export const RIPS_POINTS_MAX = 32_767

/** The same with `maxDimension: 2`: `kVoidsWindowMax` of native/rips/voids.h. */
export const VOIDS_POINTS_MAX = 5791

const RIPS_OPTIONS = ['channels', 'embedding', 'metric', 'weights', 'maxDimension', 'threshold'] as const

type Wrong = (path: ConfigPath, message: string) => void

/** `channels` of the input, where that section is valid. */
export function checkRips(
  scale: ScaleConfig,
  path: ConfigPath,
  channels: readonly string[] | undefined,
  wrong: Wrong
): void {
  if (scale.filtration !== 'rips') {
    for (const option of RIPS_OPTIONS) {
      if (scale[option] === undefined) continue
      wrong([...path, option], `only with filtration: rips, but filtration is "${scale.filtration}"`)
    }
    return
  }
  checkCloud(scale, path, channels, wrong)
  checkWindow(scale, path, wrong)
}

function checkCloud(
  scale: ScaleConfig,
  path: ConfigPath,
  known: readonly string[] | undefined,
  wrong: Wrong
): void {
  const { channel, channels, embedding, metric, weights } = scale
  if (embedding !== undefined && channels !== undefined) {
    wrong([...path, 'channels'], 'not with an embedding, which is of one `channel`')
  }
  if (embedding === undefined && channel !== undefined) {
    wrong([...path, 'channel'], 'only with an embedding; the channels of a cloud are `channels`')
  }
  channels?.forEach((name, i) => {
    if (channels.indexOf(name) < i) wrong([...path, 'channels', i], `"${name}" is there already`)
    if (known === undefined || known.includes(name)) return
    wrong([...path, 'channels', i], `expected one of input.channels (${known.join(', ')}), found "${name}"`)
  })
  const coordinates = embedding?.dimension ?? channels?.length ?? known?.length
  if (coordinates === undefined) return
  if (metric === 'correlation' && coordinates < 2) {
    wrong([...path, 'metric'], 'correlation needs points of at least 2 coordinates')
  }
  if (weights !== undefined && weights.length !== coordinates) {
    const expected = `a factor for each of the ${coordinates} coordinates`
    wrong([...path, 'weights'], `expected ${expected}, found a list of ${weights.length}`)
  }
  if (weights?.every((weight) => weight === 0) === true) {
    wrong([...path, 'weights'], 'expected at least one above 0, found only zeros')
  }
}

function checkWindow(scale: ScaleConfig, path: ConfigPath, wrong: Wrong): void {
  const { window, pointsMax, embedding } = scale
  const { dimension, delay, stride } = embedding ?? { dimension: 1, delay: 1, stride: 1 }
  const samples = 'count' in window ? window.count : pointsMax
  const option = 'count' in window ? 'window' : 'pointsMax'
  const reach = (dimension - 1) * delay
  if (samples <= reach) {
    wrong([...path, option], `expected more than ${reach}, the samples one point spans, found ${samples}`)
  }
  const points = Math.ceil((samples - reach) / stride)
  const voids = scale.maxDimension === 2
  const most = voids ? VOIDS_POINTS_MAX : RIPS_POINTS_MAX
  if (points > most) {
    const stated = `a Rips window${voids ? ' with maxDimension: 2' : ''} holds at most ${most} points`
    wrong([...path, option], `${stated}, and ${samples} samples would give ${points}; lower ${option}`)
  }
}
