{{- define "hongyan.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "hongyan.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hongyan.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "hongyan.selector" . }}
{{- end }}

{{- define "hongyan.secret" -}}
{{- .Values.existingSecret | default (include "hongyan.name" .) }}
{{- end }}

{{- /* Helm holds a number of a values file as floating point, and writes a large one as 1e+06, which is no number to the server. */}}
{{- define "hongyan.text" -}}
{{- if kindIs "float64" . }}{{ toJson . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- /* Of a role, for people: an autoscaler decides between its bounds. */}}
{{- define "hongyan.replicas" -}}
{{- if .autoscaling.enabled }}{{ .autoscaling.minReplicas }} to {{ .autoscaling.maxReplicas }}{{ else }}{{ .replicas }}{{ end }}
{{- end }}

{{- /* Variables that the chart sets itself, with what to do instead. */}}
{{- define "hongyan.reserved" -}}
HONGYAN_PROFILE: leave it out, the chart runs no other profile
HONGYAN_ROLES: leave it out, each Deployment has its role
HONGYAN_KAFKA_BROKERS: use kafka.brokers
HONGYAN_KAFKA_PARTITIONS: use kafka.partitions
HONGYAN_MYSQL_URL: use the key mysql-url of the secret
HONGYAN_REDIS_URLS: use the key redis-urls of the secret
HONGYAN_CONNECTIONS_MAX: use gateway.connectionsMax
HONGYAN_DRAIN_DELAY_SECONDS: use gateway.drainDelaySeconds
HONGYAN_DRAIN_SECONDS: use gateway.drainSeconds, core.drainSeconds and worker.drainSeconds
HONGYAN_LINK_TLS_CERT: use linkTls.existingSecret
HONGYAN_LINK_TLS_KEY: use linkTls.existingSecret
HONGYAN_LINK_TLS_CA: use linkTls.existingSecret
{{- range list "DATA" "LINK_ADDRESS" "LINK_LISTEN" "LISTEN" "NODE" "OPERATOR_ADDRESS" "OPERATOR_LISTEN" }}
HONGYAN_{{ . }}: leave it out, each pod has its own
{{- end }}
{{- end }}
