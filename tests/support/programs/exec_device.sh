#!/bin/sh
# A device of the exec driver for tests: its state in the directory SWITCHYARD_PARAM_DIRECTORY, a line in `witness` there for
# each executed action, and the trouble that SWITCHYARD_PARAM_TROUBLE names. Its password is "exec-secret".
cd "$SWITCHYARD_PARAM_DIRECTORY" || exit 15
password=$(cat "/dev/fd/$SWITCHYARD_SECRET_FD")
[ "$password" = exec-secret ] || { echo "wrong password $password" >&2; exit 11; } # tactless, as programs are

execute() {
    echo "$1" >state
    echo "$SWITCHYARD_DEVICE $SWITCHYARD_OUTLET $SWITCHYARD_ACTION $*" >>witness
}

case $SWITCHYARD_PARAM_TROUBLE in
unreachable) echo '{"detail": "no route to the device"}'; exit 12 ;;
garbage) echo 'Segmentation fault (core dumped)'; exit 0 ;;
stuck) while :; do sleep 60; done ;;
lost_reply) [ "$SWITCHYARD_ACTION" = status ] || { execute "$SWITCHYARD_ACTION"; exit 20; } ;;
esac

case $SWITCHYARD_ACTION in
on | off) execute "$SWITCHYARD_ACTION" "$@" ;;
status) echo "{\"state\": \"$(cat state 2>/dev/null || echo off)\"}" ;;
invoke) read -r input; echo "{\"result\": {\"operation\": \"$SWITCHYARD_OPERATION\", \"input\": $input}}" ;;
*) exit 13 ;;
esac
