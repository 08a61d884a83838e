#pragma once

#include "daemon/frontends/zmq/zmq_frontend.hpp"

namespace switchyard {

// A request whose answer takes time.
struct ZmqFrontend::Pending {
    Pending(ZmqDoor& door_, ZmqPeer peer_, Principal who_, ZmqRequest request_)
        : door(&door_), peer(std::move(peer_)), who(std::move(who_)), request(std::move(request_))
    {
    }
    ZmqDoor* door;
    ZmqPeer peer;
    Principal who;
    ZmqRequest request;
    bool gone = false; // nobody is left to answer to
};

// Gets the events of a command while it lives; null follows nothing.
class ZmqFrontend::Follower {
public:
    Follower(Followers& all, CommandId command, Pending* pending) : all_(all)
    {
        place_ = pending != nullptr ? all_.emplace(command, pending) : all_.end();
    }
    ~Follower()
    {
        if (place_ != all_.end())
            all_.erase(place_);
    }
    Follower(Follower const&) = delete;
    Follower& operator=(Follower const&) = delete;

private:
    Followers& all_;
    Followers::iterator place_;
};

} // namespace switchyard
