mod cms;
mod directory;
mod faults;
mod intake;
mod order;
mod receipts;
mod world;

use world::World;
