{{- define "streaming-tda.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "streaming-tda.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "streaming-tda.labels" -}}
{{ include "streaming-tda.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "streaming-tda.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary (include "streaming-tda.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* The configuration, with the pod's name as the daemon's. */}}
{{- define "streaming-tda.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not $config.kafka.instanceId }}{{ $_ := set $config.kafka "instanceId" "${env:POD_NAME}" }}{{ end -}}
{{- toYaml $config }}
{{- end }}

{{/* Seconds of shutdown.timeout, and 15 for closing and for the kubelet. */}}
{{- define "streaming-tda.graceSeconds" -}}
{{- $timeout := dig "shutdown" "timeout" "30s" .Values.config -}}
{{- if hasSuffix "ms" $timeout }}16
{{- else if hasSuffix "s" $timeout }}{{ add (trimSuffix "s" $timeout | float64 | ceil | int) 15 }}
{{- else if hasSuffix "m" $timeout }}{{ add (mulf 60 (trimSuffix "m" $timeout | float64) | ceil | int) 15 }}
{{- else }}{{ fail (printf "config.shutdown.timeout: expected seconds or minutes such as 30s or 2m, found %s" $timeout) }}
{{- end }}
{{- end }}
