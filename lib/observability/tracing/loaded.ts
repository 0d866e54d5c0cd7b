/** What is loaded when tracing is switched on, and not before. */
export { activeContext, addSpanAttributes, traceOperation } from './operations.js'
export { PipelineSpans } from './pipeline-spans.js'
export { prepareSdk } from './sdk.js'
