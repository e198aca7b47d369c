# Runs one attempt; the text is given to `sh -c` with the attempt's directory as $1.
#
# fd 9 is the attempt's lock, held until this shell ends: who finds it taken adopts, who finds it free
# and the claim complete knows that the attempt is over. fds 3 and 4 are a pipe: `cat` carries what the
# command says to the log, because a command that opens /dev/stderr would truncate a plain file.
# Only builtins besides `cat` and the command itself.
cd -- "$1" || exit 70
trap : HUP INT QUIT TERM
[ -e cancel ] && exit 0
[ -n "$2" ] && ulimit -S -n "$2"
started() { started=${22}; }
read -r stat </proc/$$/stat
read -r boot </proc/sys/kernel/random/boot_id
started $stat
cat <&3 >log 3<&- 4>&- 9>&- &
exec 3<&-
echo "$$ $started $boot $!" >claim || exit 73
( . ./start ) >&4 2>&1 4>&- 9>&-
echo $? >exit
