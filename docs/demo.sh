#!/bin/sh
# From `git push` to a result commit, and back: what `make demo` shows.
#
# Everything it makes is in .demo/ and stays there to look at:
#   remote.git   the repository that everybody shares     flows   your clone, where you edit and push
#   state        what Reconciler remembers: the database, its own clone, and the artifacts
set -eu
cd "$(dirname "$0")/.."
rm -rf .demo && mkdir .demo && cd .demo

export GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=You GIT_AUTHOR_EMAIL=you@example.com GIT_COMMITTER_NAME=You GIT_COMMITTER_EMAIL=you@example.com
export RECONCILER_REPOSITORY_URL="$PWD/remote.git" RECONCILER_STATE_DIRECTORY="$PWD/state"

say() { printf '\n== %s\n\n' "$*"; }
show() { printf '$ %s\n' "$*" && "$@"; }

say "A repository, and a clone of it with two workflows"
git init --quiet --bare --initial-branch=main remote.git
show reconciler init flows
git -C flows remote add origin ../remote.git
git -C flows add --all
git -C flows commit --quiet --message="Start with two workflows"
show git -C flows push --quiet origin HEAD:main

say "A pass: what cron does every minute"
show reconciler pass

say "The history of the runs is git log"
show git -C remote.git --no-pager log runs

say "The page of a workflow, as a forge shows it"
show git -C remote.git --no-pager show runs:churn/README.md

say "What the runs made"
show reconciler artifacts churn
show reconciler artifacts weather

say "Change one of the two, and push"
sed 's/default: 20,/default: 25,/' flows/workflows/weather.yaml >weather.new
mv weather.new flows/workflows/weather.yaml
show git -C flows --no-pager diff --unified=0
git -C flows commit --quiet --all --message="Only 25 degrees are warm"
show git -C flows push --quiet origin HEAD:main

say "What would run, and why"
show reconciler plan

say "The next pass runs what has changed, and only that"
show reconciler pass
show git -C remote.git --no-pager log --oneline runs

say "All of it is in .demo/; look around"
cat <<END
  export RECONCILER_REPOSITORY_URL="$PWD/remote.git" RECONCILER_STATE_DIRECTORY="$PWD/state"
  .venv/bin/reconciler runs            # also: show, logs, artifacts
  git -C .demo/remote.git log -p runs
END
