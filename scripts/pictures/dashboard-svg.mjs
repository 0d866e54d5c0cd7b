/** Draws a dashboard with ECharts: one picture, the panels where the dashboard has them. */

const COLUMN_PX = 50
const ROW_PX = 30
const HEAD_PX = 56
const GAP_PX = 8
const LEGEND = { rowPx: 24, itemPx: 12, gapPx: 14, marginPx: 10, fontPx: 10 }
/** As ECharts assumes it, which has no browser to ask. */
const LETTER_PX = 5
/** Behind every name, for viewers whose sans-serif is wider. */
const SPARE = '\u2003'
const TICKS = 4
const INK = '#1f2328'
const FAINT = '#656d76'
const GREEN = '#2e9e4f'
const COLOURS = ['#2e9e4f', '#d29922', '#3b76d6', '#e0742f', '#c9364f', '#8457c8', '#17909c', '#a0527a']
const NAMED = { green: GREEN, orange: '#e0742f', red: '#c9364f' }

/**
 * @param echarts the module
 * @param title of the dashboard
 * @param span what the time axes show: [from, to] in ms
 * @param panels what was asked: [{ panel, series: [{ name, points: [[ms, value], ...] }, ...] }, ...]
 * @returns the text of an SVG
 */
export function dashboardSvg(echarts, { title, span, panels }) {
  const rows = Math.max(...panels.map(({ panel }) => panel.gridPos.y + panel.gridPos.h))
  const width = 24 * COLUMN_PX
  const height = HEAD_PX + rows * ROW_PX
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  const option = {
    animation: false,
    useUTC: true,
    backgroundColor: '#f4f5f5',
    textStyle: { fontFamily: 'Helvetica, Arial, sans-serif', color: INK },
    title: [],
    legend: [],
    grid: [],
    xAxis: [],
    yAxis: [],
    series: [],
    graphic: [text(title, 16, 14, 20, INK), text(subtitle(span), 16, 38, 11, FAINT)]
  }
  for (const one of panels) addPanel(option, span, one)
  chart.setOption(option)
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}

function subtitle([from, to]) {
  const end = new Date(to).toISOString().slice(0, 19).replace('T', ' ')
  return `${(to - from) / 1000} s of the demo until ${end} UTC: answers of Prometheus, drawn by Apache ECharts`
}

function addPanel(option, span, { panel, series }) {
  const { gridPos, title, type, fieldConfig } = panel
  const box = {
    left: gridPos.x * COLUMN_PX + GAP_PX / 2,
    top: HEAD_PX + gridPos.y * ROW_PX + GAP_PX / 2,
    width: gridPos.w * COLUMN_PX - GAP_PX,
    height: gridPos.h * ROW_PX - GAP_PX
  }
  option.graphic.push({
    type: 'rect',
    z: -10,
    left: box.left,
    top: box.top,
    shape: { width: box.width, height: box.height, r: 3 },
    style: { fill: '#ffffff', stroke: '#dcdfe3' }
  })
  option.graphic.push(text(title, box.left + 10, box.top + 9, 13, INK, true))
  if (series.length === 0) {
    const middle = [box.left + box.width / 2 - 24, box.top + box.height / 2 - 6]
    option.graphic.push(text('No data', ...middle, 13, FAINT))
  } else if (type === 'stat') addStat(option, box, span, fieldConfig.defaults, series[0].points)
  else addTimeSeries(option, box, span, fieldConfig.defaults, series)
}

/** The last value, coloured by its threshold, over a small area of how it came about. */
function addStat(option, box, span, field, points) {
  const value = points.at(-1)[1]
  const step = field.thresholds?.steps.filter((one) => one.value === null || one.value <= value).at(-1)
  const colour = NAMED[step?.color ?? 'green']
  option.graphic.push(text(formatted(value, field.unit), box.left + 10, box.top + 40, 30, colour, true))
  const index = option.grid.length
  option.grid.push({
    left: box.left,
    top: box.top + box.height - 46,
    width: box.width,
    height: 45
  })
  option.xAxis.push({ ...timeAxis(span, index), show: false })
  option.yAxis.push({ type: 'value', gridIndex: index, show: false, min: field.min, max: field.max })
  option.series.push({ ...line('', points, index, colour), areaStyle: { color: colour, opacity: 0.15 } })
}

function addTimeSeries(option, box, span, field, series) {
  const index = option.grid.length
  const legendPx = legendRows(series, box.width) * LEGEND.rowPx
  option.grid.push({
    left: box.left + 66,
    top: box.top + 36,
    width: box.width - 100,
    height: box.height - 62 - legendPx
  })
  option.xAxis.push({
    ...timeAxis(span, index),
    axisLabel: { formatter: '{HH}:{mm}:{ss}', color: FAINT, fontSize: 10, hideOverlap: true },
    axisLine: { lineStyle: { color: '#c3c8ce' } }
  })
  option.yAxis.push({
    ...valueAxis(field, series),
    gridIndex: index,
    axisLabel: { formatter: (value) => formatted(value, field.unit), color: FAINT, fontSize: 10 },
    splitLine: { lineStyle: { color: '#eceef0' } }
  })
  // All panels are one chart to ECharts, with one space of names: these are replaced where they are shown.
  const ids = series.map((_, i) => `${index} ${i}`)
  for (const [i, { points }] of series.entries()) {
    option.series.push(line(ids[i], points, index, COLOURS[i % COLOURS.length]))
  }
  option.legend.push({
    data: ids,
    formatter: (id) => series[ids.indexOf(id)].name + SPARE,
    left: box.left + LEGEND.marginPx,
    top: box.top + box.height - legendPx + 2,
    width: box.width - 2 * LEGEND.marginPx,
    itemWidth: LEGEND.itemPx,
    itemHeight: 3,
    itemGap: LEGEND.gapPx,
    icon: 'rect',
    padding: 0,
    textStyle: { color: INK, fontSize: LEGEND.fontPx }
  })
}

/** How many rows the names will need. */
function legendRows(series, width) {
  let rows = 1
  let left = width - 2 * LEGEND.marginPx
  for (const { name } of series) {
    const needed = LEGEND.itemPx + LEGEND.gapPx + LEGEND.fontPx + LETTER_PX * name.length
    if (needed > left) {
      rows++
      left = width - 2 * LEGEND.marginPx
    }
    left -= needed
  }
  return rows
}

function timeAxis([min, max], gridIndex) {
  return { type: 'time', gridIndex, min, max, splitNumber: TICKS }
}

/** With marks where the unit has round numbers. */
function valueAxis({ unit, min, max }, series) {
  const axis = { type: 'value', min, max, splitNumber: TICKS }
  if (unit === 'percentunit' && max !== undefined) return { ...axis, interval: (max - min) / TICKS }
  if (unit !== 'bytes') return axis
  const most = Math.max(1, ...series.flatMap(({ points }) => points.map(([, value]) => value)))
  const interval = 2 ** Math.ceil(Math.log2(most / TICKS))
  return { ...axis, interval, max: interval * Math.ceil(most / interval) }
}

function line(name, points, index, colour) {
  return {
    type: 'line',
    name,
    xAxisIndex: index,
    yAxisIndex: index,
    data: points.map(([ms, value]) => [ms, Number(value.toPrecision(6))]),
    showSymbol: points.length === 1,
    lineStyle: { width: 1.5, color: colour },
    itemStyle: { color: colour }
  }
}

function text(content, left, top, size, fill, bold = false) {
  const font = `${bold ? '600 ' : ''}${size}px Helvetica, Arial, sans-serif`
  return { type: 'text', left, top, style: { text: content, fill, font } }
}

/** A value in the unit that Grafana knows by this name. */
export function formatted(value, unit) {
  switch (unit) {
    case 'none':
      return scaled(value, 1000, ['', ' K', ' M', ' G'])
    case 's':
      return Math.abs(value) >= 1 || value === 0
        ? scaled(value, Infinity, [' s'])
        : scaled(value * 1e6, 1000, [' µs', ' ms'])
    case 'bytes':
      return scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB'])
    case 'Bps':
      return scaled(value, 1000, [' B/s', ' kB/s', ' MB/s', ' GB/s'])
    case 'percentunit':
      return scaled(value * 100, Infinity, [' %'])
    default:
      throw new Error(`no way to write values of the unit ${unit}`)
  }
}

function scaled(value, factor, units) {
  let rest = value
  let i = 0
  while (Math.abs(rest) >= factor && i < units.length - 1) {
    rest /= factor
    i++
  }
  return `${Number(rest.toPrecision(3))}${units[i]}`
}
