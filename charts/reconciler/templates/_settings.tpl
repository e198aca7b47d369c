{{/*
The settings file: what follows from the values, and over it what `settings` says. Numbers that Helm made
floating-point are written as whole ones.
*/}}
{{- define "reconciler.settings" -}}
{{- $v := .Values -}}
{{- $derived := dict
  "executor" (dict "name" "kubernetes")
  "lease" (dict "name" (include "reconciler.fullname" .) "namespace" .Release.Namespace)
  "pass" (dict "shards" $v.shards)
  "state" (dict "directory" "/var/lib/reconciler")
  "repository" (dict)
  "ledger" (dict)
  "store" (dict)
-}}
{{- $kubernetes := dict
  "namespace" $v.workflows.namespace
  "instance" (include "reconciler.fullname" .)
  "agent_image" (include "reconciler.image" .)
  "pull_policy" $v.image.pullPolicy
  "service_account" $v.workflows.serviceAccount
  "store_secret" $v.workflows.storeSecret
  "profile" (ternary "restricted" "baseline" (ne $v.workflows.podSecurity "baseline"))
-}}
{{- if $v.workflows.queue }}{{ $_ := set $kubernetes "queue" $v.workflows.queue }}{{ end -}}
{{- with $v.image.pullSecrets }}{{ $_ := set $kubernetes "image_pull_secrets" . }}{{ end -}}
{{- with $v.admissionPolicy.serviceAccounts }}{{ $_ := set $kubernetes "service_accounts" . }}{{ end -}}
{{- with $v.admissionPolicy.secretPrefixes }}{{ $_ := set $kubernetes "secret_prefixes" . }}{{ end -}}
{{- $_ := set $derived "kubernetes" $kubernetes -}}
{{- if eq $v.state.kind "s3" }}{{ $_ := set $derived.state "snapshot" "store" }}{{ end -}}
{{- with $v.git -}}
{{- if .tokenKey }}{{ $_ := set $derived.repository "token_file" (printf "/run/secrets/git/%s" .tokenKey) }}{{ end -}}
{{- if .sshKey }}{{ $_ := set $derived.repository "ssh_key" (printf "/run/secrets/git/%s" .sshKey) }}{{ end -}}
{{- if .appKey }}{{ $_ := set $derived.repository "github_key_file" (printf "/run/secrets/git/%s" .appKey) }}{{ end -}}
{{- if .signingKey }}{{ $_ := set $derived.ledger "signing_key" (printf "/run/secrets/git/%s" .signingKey) }}{{ end -}}
{{- if .ledgerTokenKey }}{{ $_ := set $derived.ledger "token_file" (printf "/run/secrets/ledger/%s" .ledgerTokenKey) }}{{ end -}}
{{- if .ledgerSshKey }}{{ $_ := set $derived.ledger "ssh_key" (printf "/run/secrets/ledger/%s" .ledgerSshKey) }}{{ end -}}
{{- if .knownHosts }}{{ $_ := set $derived.repository "known_hosts" "/etc/reconciler/known_hosts" }}{{ end -}}
{{- if .ca }}{{ $_ := set $derived.repository "ca_file" "/etc/reconciler/ca.pem" }}{{ end -}}
{{- if .allowedSigners }}{{ $_ := set $derived.repository "verify_signers" "/etc/reconciler/allowed_signers" }}{{ end -}}
{{- end -}}
{{- if $v.s3.secret -}}
{{- $_ := set $derived.store "access_key_file" (printf "/run/secrets/s3/%s" $v.s3.accessKey) -}}
{{- $_ := set $derived.store "secret_key_file" (printf "/run/secrets/s3/%s" $v.s3.secretKey) -}}
{{- end -}}
{{- $all := mergeOverwrite $derived (deepCopy $v.settings) -}}
{{- $url := required "settings.repository.url must say where the workflows are" $all.repository.url -}}
{{- range $group, $settings := $all }}
{{- if $settings }}
{{ $group }}:
{{- range $name, $value := $settings }}
  {{ $name }}: {{ if and (kindIs "float64" $value) (eq (floor $value) $value) }}{{ int64 $value }}{{ else }}{{ toJson $value }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
