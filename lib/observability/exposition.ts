/**
 * One set of metrics in both text formats: Prometheus' own, and OpenMetrics, the only one that carries exemplars.
 *
 * prom-client writes what format a registry has, and renames the counters of an OpenMetrics registry in place (without
 * `_total`), so metrics shared by two registries would change their names with the first scrape. Here the second registry
 * holds views of the first one's metrics, which may be renamed.
 */
import { Registry, type Metric } from 'prom-client'

const OPEN_METRICS = 'application/openmetrics-text'

export interface Exposition {
  readonly render: (format: ExpositionFormat) => Promise<string>
  readonly contentType: (format?: ExpositionFormat) => string
}

export type ExpositionFormat = 'prometheus' | 'openmetrics'

/** What the formats ask of a metric. */
interface Source {
  readonly name: string
  readonly help: string
  readonly type: string
  get(): Promise<object>
  getForPromString?(): Promise<object>
}

/** prom-client's types do not know that a registry takes its content type. */
const OpenRegistry = Registry as unknown as new (contentType: string) => Registry

/** The metrics registered in `registry` at each call. */
export function exposition(registry: Registry): Exposition {
  return {
    async render(format) {
      if (format === 'prometheus') return registry.metrics()
      const open = new OpenRegistry(Registry.OPENMETRICS_CONTENT_TYPE)
      for (const metric of registry.getMetricsAsArray()) open.registerMetric(viewOf(metric as never))
      return open.metrics()
    },
    contentType: (format = 'prometheus') =>
      format === 'prometheus' ? Registry.PROMETHEUS_CONTENT_TYPE : Registry.OPENMETRICS_CONTENT_TYPE
  }
}

function viewOf(metric: Source): Metric {
  const name = metric.type === 'counter' ? metric.name.replace(/_total$/, '') : metric.name
  const read = async (): Promise<object> => ({
    ...(await (metric.getForPromString?.() ?? metric.get())),
    name
  })
  return { name, help: metric.help, type: metric.type, getForPromString: read } as unknown as Metric
}

/** Which format an `Accept` header prefers; Prometheus' own where it says nothing of OpenMetrics. */
export function formatAccepted(accept: string | undefined): ExpositionFormat {
  if (accept === undefined) return 'prometheus'
  const qualities = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    return { type: type.toLowerCase(), quality: quality === undefined ? 1 : Number(quality) }
  })
  const best = (type: string): number =>
    Math.max(0, ...qualities.filter((range) => range.type === type).map(({ quality }) => quality))
  const open = best(OPEN_METRICS)
  return open > 0 && open >= best('text/plain') ? 'openmetrics' : 'prometheus'
}
