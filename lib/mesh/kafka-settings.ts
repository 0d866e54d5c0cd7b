/**
 * Settings of librdkafka as the public API takes them. In a file without node-rdkafka's types: declarations that users
 * reach must compile where that optional dependency is not installed.
 */
export type KafkaSettings = Readonly<Record<string, string | number | boolean>>
