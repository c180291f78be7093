# Stops a server and removes its folder once standard input ends: whoever started it has let go of it, or is dead.
# Arguments: the folder, and the cluster in it.
folder=$1
cluster=$2
# Nobody writes a line.
read -r _

# Every process of a cluster works in its folder. The dead that nobody has waited for work nowhere.
processes() {
  find /proc/[0-9]*/cwd -maxdepth 0 -lname "$cluster" 2>/dev/null | cut -d / -f 3
}

# Whether no process is left, within so many tenths of a second.
gone() {
  tries=0
  while [ -n "$(processes)" ]; do
    tries=$((tries + 1))
    [ "$tries" -le "$1" ] || return 1
    sleep 0.1
  done
}

{
  # shellcheck disable=SC2046 # one number each
  kill -s CONT $(processes)
  first=$(head -n 1 "$cluster/postmaster.pid")
  # After a crash the file names a process that is gone, or somebody else's by now.
  if processes | grep -qx "$first"; then
    kill -s INT "$first"
  fi
  if ! gone 50; then
    for _ in 1 2 3 4 5; do
      # shellcheck disable=SC2046
      kill -s KILL $(processes)
      ! gone 5 || break
    done
  fi
  # A cluster that was killed leaves its shared memory, whose number stands last in the seventh line.
  ipcrm -m "$(sed -n '7s/.* //p' "$cluster/postmaster.pid")"
  rm -rf "$folder"
} >/dev/null 2>&1
